"""What coverage is measured of: lines that another test of the suite has run already are not watched once more.

Watching takes half as long again as running. On PostgreSQL the service runs the lines that it runs on SQLite, but
for those that speak to a database; and a process of its own runs what every other such process does.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent
# Where the difference between the two databases is what is tested.
_OF_DATABASES = ("store", "migrations", "replicas", "cli", "operators")
# Where the same lines run hundreds of times, or whole journeys go where tests of one room have gone: without these
# files and folders coverage finds every line and branch that it finds with them.
_REPEATED = (
    "attacks/test_bent_values.py",
    "attacks/test_forged_jwts.py",
    "attacks/test_fuzz.py",
    "attacks/test_races.py",
    "attacks/test_reflected_script.py",
    "browser",
    "cli/test_migrations_everywhere.py",
    "cli/test_serve_database.py",
    "client_auth/test_assertion_any_input.py",
    "clients",
    "conformance/test_basic_op.py",
    "conformance/test_form_post_op.py",
    "conformance/test_openapi.py",
    "conformance/test_rp_initiated_logout_op.py",
    "deploy",
    "journeys/test_tokens_over_http.py",
    "journeys/test_what_is_kept.py",
    "keys/test_a_year.py",
    "keys/test_while_running.py",
    "login/test_on_the_way_to_tiktok.py",
    "login/test_whose_login_it_is.py",
    "migrations/test_previous_release.py",
    "migrations/test_survival.py",
    "migrations/test_while_people_write.py",
    "operators/test_erasure.py",
    "provider/test_introspection.py",
    "provider/test_lifecycle_machine.py",
    "provider/test_private_key_jwt.py",
    "provider/test_prompt_and_max_age.py",
    "provider/test_single_sign_on.py",
    "replicas/test_balanced.py",
    "replicas/test_connection_cut.py",
    "replicas/test_database_failures.py",
    "replicas/test_every_journey.py",
    "status/test_whatever_ends_a_grant.py",
    "store/test_deliveries.py",
    "store/test_people.py",
    "store/test_purging_much.py",
    "store/test_races.py",
    "test_architecture.py",
    "test_docs.py",
    "test_operations_pages.py",
    "test_security_pages.py",
    "tiktok/test_04_failures.py",
    "tiktok/test_05_outage.py",
    "tiktok/test_13_drift.py",
    "web/test_cors.py",
)
# Tests of which a process of its own runs lines that nothing else runs, by the folder and file they are in.
_OF_PROCESSES = {
    "cli/test_asking.py": ("test_only_yes_goes_on",),
    "cli/test_serve.py": (
        "test_a_taken_port_is_one_sentence_and_changes_nothing",
        "test_every_fault_in_the_settings_is_listed",
        "test_keys_sealed_under_another_secret_key_are_told",
        "test_settings_and_redirect_uris_are_announced_and_no_secret",
    ),
    "cli/test_simulator.py": ("test_it_prints_what_a_broker_needs_and_can_have_another_origin_for_browsers",),
    "demo/test_command.py": (
        "test_a_signal_ends_it_and_leaves_nothing_behind",
        "test_check_exits_0_even_where_the_terminal_knows_no_check_mark",
    ),
    "serving/test_stopping.py": (
        "test_after_sigterm_it_is_not_ready_first_and_serves_on",
        "test_workers_whose_supervisor_was_killed_end_and_give_the_port_back",
    ),
    "watching/test_workers.py": ("test_any_worker_answers_for_all_and_what_a_dead_one_counted_stays",),
}
# What coverage tells a process that it is to be measured too.
_TOLD = "COVERAGE_PROCESS_CONFIG"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nobody watches a test whose twin on SQLite runs the same lines, or that repeats others."""
    for item in items:
        place = item.path.relative_to(_TESTS)
        twin = "[postgresql" in item.name and place.parts[0] not in _OF_DATABASES
        if twin or place.as_posix() in _REPEATED or place.parts[0] in _REPEATED:
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Processes are measured only where they tell something new."""
    told = None
    if item.name.partition("[")[0] not in _OF_PROCESSES.get(item.path.relative_to(_TESTS).as_posix(), ()):
        told = os.environ.pop(_TOLD, None)
    try:
        return (yield)
    finally:
        if told is not None:
            os.environ[_TOLD] = told
