"""What is put before the checkout on a child's path, to break the program from outside."""
