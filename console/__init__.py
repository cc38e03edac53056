"""HTTP: health, metrics, hand-overs and calls. Its own process; if it dies, calls go on."""
