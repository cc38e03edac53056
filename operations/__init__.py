"""The record of what happened: database, event log, metrics, logs, and how a call reads afterwards."""
