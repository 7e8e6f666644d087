"""The user's side of a run: a zygote that has imported the user's code, and the processes it forks.

Run as ``python -m backfilld.worker`` by the daemon; nothing here is imported by user code.
"""
