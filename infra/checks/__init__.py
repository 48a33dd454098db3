"""What can be said of the Bicep without Azure: evaluate it, compare it with what Azure and the app want."""
