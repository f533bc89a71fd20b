"""Where sound comes from: sources written in Python, read ahead on threads of their own."""
