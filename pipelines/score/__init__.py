"""What serves a model. The folder is uploaded as it is: its files import each other by bare names."""
