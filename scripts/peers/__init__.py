"""Peers that nobody here wrote, against our SIP side, and the small bot that they call."""
