"""Infrastructure as Bicep, and checks of it. Nothing of this is deployed with the app."""
