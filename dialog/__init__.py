"""One conversation: session, router, cascade, prompts, grounding, the latency budget."""
