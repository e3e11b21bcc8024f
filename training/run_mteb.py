"""General tasks by the `mteb` package: `python -m training.run_mteb --model ... --tasks ...`.

mteb's own data and metrics, at the revisions that it pins, for any encoder that `make evaluate`
can measure. Prints the main scores and leaves all in `runs/mteb/<name>/scores.json`.
"""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from training.distil.text import one_line
from training.evaluation.opening import encoder
from training.evaluation.target import FORMS, Target, read_target
from training.run import run_parsed, write_json

RUNS = Path("runs/mteb")
OURS = ("LitotesHedging", "LitotesExclusion")


def main(target: Target, names: list[str], *, runs: Path = RUNS) -> dict[str, Any]:
    """Run tasks, print their main scores, and leave every score in a folder of the runs.

    All data are fetched before anything is encoded.

    Returns:
        What the JSON file holds.

    Raises:
        ValueError: mteb is not installed, a task is unknown, its data or the encoder cannot be had.
    """
    check_installed()
    import mteb  # noqa: PLC0415 - an extra that few need, and seconds to import

    from training.mteb_tasks.encoder import MtebEncoder  # noqa: PLC0415

    tasks = [load(name) for name in names]
    model = MtebEncoder(target, encoder(target))
    results = mteb.evaluate(
        model, tasks, cache=None, encode_kwargs={"show_progress_bar": False}
    ).task_results
    scores = {
        task.metadata.name: describe(task, result)
        for task, result in zip(tasks, results, strict=True)
    }
    told = {"address": target.address, "mteb": version("mteb"), "tasks": scores}
    folder = runs / target.name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "scores.json", told)
    print_scores(scores)
    print(f"In {folder / 'scores.json'}.")
    return told


def check_installed() -> None:
    """See that the extra is there.

    Raises:
        ValueError: It is not.
    """
    try:
        version("mteb")
    except PackageNotFoundError:
        raise ValueError("mteb is not installed here: pip install '.[mteb]'") from None


def load(name: str) -> Any:
    """A task with its data.

    Raises:
        ValueError: mteb has no such task, or the hub does not give its data.
    """
    import mteb  # noqa: PLC0415 - see `main`

    from training.mteb_tasks.dev_tasks import DEV_TASKS  # noqa: PLC0415

    ours = {task.metadata.name: task for task in DEV_TASKS}
    try:
        task = ours[name]() if name in ours else mteb.get_task(name)
    except KeyError as error:
        raise ValueError(f"task {name}: {error.args[0]}") from None
    data = task.metadata.dataset
    try:
        task.load_data()
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"task {name}: its data ({data['path']} at {data['revision']}) cannot be had from the"
            f" hub: {one_line(error)}"
        ) from None
    return task


def describe(task: Any, result: Any) -> dict[str, Any]:
    """The main score of a task, and every score by split and subset."""
    return {
        "main_score": result.get_score(),
        "metric": task.metadata.main_score,
        "revision": result.dataset_revision,
        "scores": result.scores,
    }


def print_scores(tasks: dict[str, dict[str, Any]]) -> None:
    """Print the main score of each task in percent."""
    print(f"{'mteb, in percent':<32}{'metric':<20}{'score':>8}")
    for name, task in tasks.items():
        print(f"{name:<32}{task['metric']:<20}{100 * task['main_score']:>8.1f}")


def stage(model: str, tasks: list[str]) -> None:
    """Run the tasks that the command line names."""
    main(read_target(model), tasks)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m training.run_mteb",
        description="Measure an encoder on tasks of the mteb package, and on two of our own.",
        epilog="Example: python -m training.run_mteb --model tei:http://127.0.0.1:8080"
        " --tasks STSBenchmark NFCorpus",
    )
    parser.add_argument("--model", metavar="ADDRESS", required=True, help=FORMS)
    parser.add_argument(
        "--tasks",
        nargs="+",
        default=list(OURS),
        help=f"names of mteb's, and of our own, which need no hub: {', '.join(OURS)} (default)",
    )
    run_parsed("training.run_mteb", parser, stage)
