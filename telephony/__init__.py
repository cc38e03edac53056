"""How calls come in and go out; one CallLeg for all."""
