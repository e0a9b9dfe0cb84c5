"""What is remembered, in SQLite or PostgreSQL: models, migrations and the adapters of the memory ports.

Nothing above this package writes SQL, and nothing in it knows what runs the jobs or who asks.
"""
