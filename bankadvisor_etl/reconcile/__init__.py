"""Figures that come several ways are held against each other: what disagrees, by how much, where, and why.

Pure: frames in, frames out. ``comparisons`` says what is compared with what, ``differences`` how, ``causes`` why.
"""
