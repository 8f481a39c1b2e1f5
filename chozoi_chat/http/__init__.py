"""What stands before Django for every HTTP request: uvicorn's protocols, limits, origins, the content policy."""
