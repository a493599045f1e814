"""`/_simulator/…`: what the simulator knows, and what may be changed while it runs.

| endpoint | does |
|---|---|
| `GET /_simulator/` | a page of forms for the commonest of what follows |
| `GET /_simulator/state` | apps without their secrets, people, counters, faults, switches, webhooks |
| `POST /_simulator/faults`, `DELETE …` | lets something go wrong (`faults.py` has the kinds), or nothing |
| `POST /_simulator/settings` | switches (`switches.py`) |
| `DELETE /_simulator/sessions` | signs every browser out of the simulator |

What people do is in `person_control.py`, webhooks in `webhook_control.py`.
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from broker.simulator import state, switches
from broker.simulator.control_exchange import as_json, carry_out
from broker.simulator.fault_options import fault_from
from broker.simulator.faults import ENDPOINTS, KINDS
from broker.simulator.options import Options
from broker.simulator.pages import render
from broker.simulator.world import World


@dataclass(frozen=True)
class Control:
    """The control endpoints for the simulator as a whole."""

    world: World

    async def home(self, _: Request) -> Response:
        """The page of forms."""
        return render.control(state.described(self.world), ENDPOINTS, tuple(KINDS))

    async def state(self, _: Request) -> Response:
        """Everything that is no secret."""
        return as_json(state.described(self.world))

    async def add_fault(self, request: Request) -> Response:
        """Let something go wrong from the next call on."""
        return await carry_out(self.world, request, self._add_fault)

    async def clear_faults(self, request: Request) -> Response:
        """Let nothing go wrong any more."""
        return await carry_out(self.world, request, self._clear_faults)

    async def change_settings(self, request: Request) -> Response:
        """Set the switches that are named."""
        return await carry_out(self.world, request, self._set_switches)

    async def end_sessions(self, request: Request) -> Response:
        """Sign every browser out."""
        return await carry_out(self.world, request, self._end_sessions)

    async def _add_fault(self, wanted: Options) -> None:
        self.world.faults.add(fault_from(wanted))

    async def _clear_faults(self, _: Options) -> None:
        self.world.faults.clear()

    async def _set_switches(self, wanted: Options) -> None:
        self.world.switches = switches.changed(self.world.switches, wanted)

    async def _end_sessions(self, _: Options) -> None:
        self.world.end_sessions()
