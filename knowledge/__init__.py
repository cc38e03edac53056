"""Documents to passages to evidence: what the operator may say, and where it stands."""
