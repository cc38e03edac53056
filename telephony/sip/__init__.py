"""SIP calls, by way of baresip-python; nothing outside this folder imports that library."""
