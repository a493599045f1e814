"""What makes every audit event fail inside of the database, and what mends that."""

BREAK = {
    "sqlite": ["CREATE TRIGGER no_audit BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'no audit'); END"],
    "postgresql": [
        "CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no audit$$; END'",
        "CREATE TRIGGER no_audit BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION no_audit()",
    ],
}
MEND = {
    "sqlite": ["DROP TRIGGER no_audit"],
    "postgresql": ["DROP TRIGGER no_audit ON audit_events", "DROP FUNCTION no_audit()"],
}
