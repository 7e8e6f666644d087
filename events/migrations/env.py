"""Runs the steps over the connection, and in the transaction, of the caller (`events.postgres.migrate`)."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
