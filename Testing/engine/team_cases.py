"""What the processes of a team do in tests: importable, so that new processes find it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from pretraining_cases import NoiseFrames, recipe_file

from echoapex.errors import EchoApexError
from echoapex.training.methods.registry import read_pretraining_recipe
from echoapex.training.parallel_weights import whole
from echoapex.training.pretraining import PretrainingLearner
from echoapex.training.team import Team, joined_team

CPU = torch.device("cpu")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def torchrun_variables(rank: int, size: int, port: int) -> dict[str, str]:
    """What torchrun sets for a process."""
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port}
    return {"MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in numbers.items()}}


def gradients_of(learner: PretrainingLearner, step: int) -> dict[str, Any]:
    """Gradients, losses and what moves the centers, of one step that is not taken."""
    views = learner._views(step)
    facts = learner._backward(views, step)
    parameters = learner.method.student.named_parameters()
    gradients = {name: whole(one.grad).clone() for name, one in parameters if one.grad is not None}
    learner.optimizer.zero_grad(set_to_none=True)
    return {"gradients": gradients, "facts": facts, "seen": dict(learner.method._seen)}


def learner_in(folder: Path, team: Team | None = None, **changes: object) -> PretrainingLearner:
    recipe = read_pretraining_recipe(recipe_file(folder, **changes))
    return PretrainingLearner(recipe, NoiseFrames(), CPU, lambda text: None, team=team)


def learn_in_team(rank: int, port: int, folder: Path, jobs: Sequence[tuple[str, dict[str, object]]]) -> None:
    """Of each job, a name and changes of a recipe: gradients, the state after two steps, and the loss of the third.

    The ``third`` is learned by who learned the first two and ``again`` by who took over their state, in parts.
    """
    os.environ.update(torchrun_variables(rank, 2, port))
    torch.set_num_threads(1)
    with joined_team(60) as team:
        for name, changes in jobs:
            mine = folder / f"{name}-{rank}"
            mine.mkdir()
            learner = learner_in(mine, team, **changes)
            found = gradients_of(learner, 0)
            for step in range(2):
                learner.learn(step)
            found["state"] = deepcopy(learner.state_dict())
            if changes["parallel"] == "fsdp2":
                after = learner_in(mine, team, **changes)
                after.load_state_dict(found["state"])
                for who, one in (("third", learner), ("again", after)):
                    facts = one.learn(2)
                    found[who] = [facts["loss"], facts["gradient_norm"]]
            if team.leads:
                torch.save(found, folder / f"{name}.pt")
        (folder / f"refused-{rank}").write_text(refused_together(team))


def refused_together(team: Team) -> str:
    """What a process sees of work that the first refuses."""

    def refuse() -> None:
        raise EchoApexError("There is a run here")

    team.led(lambda: None)
    try:
        team.led(refuse)
    except EchoApexError as refusal:
        return str(refusal)
    except SystemExit as end:
        return f"ends with {end.code}"
    return "nothing"


def broken_loop(rank: int, port: int, folder: Path) -> None:
    """The second process ends without a word in its third step; the first says what it sees."""
    from echoapex.training.run_folder import FollowedRun, RunFolder
    from echoapex.training.run_loop import RunLoop

    os.environ.update(torchrun_variables(rank, 2, port))
    torch.set_num_threads(1)
    with joined_team(60) as team:
        mine = folder / str(rank)
        mine.mkdir()
        learner = learner_in(mine, team, epochs=20)
        run = RunFolder(folder / "run", "", "noise", resume=False) if team.leads else FollowedRun(folder / "run", rank)
        whole_step = learner.learn

        def learn(step: int) -> Any:
            if step == 3 and not team.leads:
                os._exit(3)
            return whole_step(step)

        learner.learn = learn  # type: ignore[method-assign]
        try:
            RunLoop(run, learner, 2, 1000, lambda text: None, team).run()
        except EchoApexError as refusal:
            (folder / "said").write_text(str(refusal))
            sys.stderr.flush()
            os._exit(1)
