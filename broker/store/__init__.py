"""What is true, and the statements that make it so.

`schema` names the tables, `database` runs statements, and a file per subject holds the store functions: each
is `async def verb(tx, …, now)`, awaits nothing but `tx`, decides by the row count of one conditional
statement, and returns what happened (raising rolls back). Only this room builds SQL. What a row means to an
OAuth client is left to the endpoints.
"""
