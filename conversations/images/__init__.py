"""Images that users send: a clean copy painted anew, and the files that are kept."""
