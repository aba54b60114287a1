"""What no fault may leave behind: work under way, reservations, connections, memory, unrecorded calls."""
import decimal
import os
import pathlib

import andon

GAUGES = ("andon_in_flight", "andon_open_streams", "andon_admission_open", "andon_target_in_flight", "andon_queue_waiting")


def sockets(process):
    """How many the process has open."""
    count = 0
    for one in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            count += os.readlink(one).startswith("socket:")
        except OSError:  # closed meanwhile
            pass
    return count


def nothing_under_way(world, seconds=10):
    for gauge in GAUGES:
        andon.wait_until(f"{gauge} is 0", lambda g=gauge: world.metric(g) == 0, seconds)


def nothing_reserved(world, paid):
    """Every budget has nothing reserved, and has spent what the Records say."""
    found = world.administer("GET", "/api/v1/budgets").json()["data"]
    assert found, "no budget to look at"
    for budget in found:
        assert decimal.Decimal(budget["reserved_usd"]) == 0, budget
        assert decimal.Decimal(budget["spent_usd"]) == paid, (budget, paid)


def no_connection_left(world, before, providers):
    """Ends the providers, so that kept connections to them go too: then there are no more sockets than before."""
    andon.quiet_end(*providers)
    andon.wait_until(f"no more than {before} sockets are open", lambda: sockets(world) <= before, 20, 0.1)


def all_recorded(world):
    world.wait_indexed(120)
    world.balance("at the end")
    assert world.metric("andon_unrecorded_total") == 0


def paid(records):
    return sum((decimal.Decimal(str(r["cost_usd"] or 0)) for r in records), decimal.Decimal(0))
