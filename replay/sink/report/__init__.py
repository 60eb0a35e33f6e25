"""What does a sink report at its end?"""
