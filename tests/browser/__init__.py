"""The admin as staff see it: a real Chromium, real server processes, and the stock clients of buyers and sellers."""
