"""Compares figures that come from several sources: what differs, by how much, where, and why.

Pure: frames in, frames out. ``comparisons`` defines what is compared, ``differences`` how, ``causes`` explains why.
"""
