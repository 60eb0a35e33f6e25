"""A whole profile: its model, its checks, its loading, and the profiles that come with the package."""
