"""What Sinch asks of a client and of a server: credentials, signatures, the voice REST API."""
