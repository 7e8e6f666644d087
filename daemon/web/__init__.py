"""The HTTP API and the pages: operations for programs and for people who look and click.

They are served by a process of their own, which needs the database and not the daemon: it shows what was and
what is while no daemon runs, and whatever it costs or suffers is not the scheduler's.
"""
