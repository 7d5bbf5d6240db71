"""Keeps call records: request exports, land their files, type their rows, load, publish and report."""
