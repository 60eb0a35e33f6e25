"""The commands of `replay`, one file each; nothing below this folder knows of flags."""
