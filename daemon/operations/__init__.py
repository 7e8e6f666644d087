"""What people may ask for and do: each an operation with a question, an answer and a role that it needs.

The command line, the HTTP API and the pages are faces of these; none knows more.
"""
