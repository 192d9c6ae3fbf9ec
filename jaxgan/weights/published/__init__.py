"""Published weights by the program that trains them: to parameters of ours, and back."""
