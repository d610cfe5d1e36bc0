"""The classes that training scripts use."""
