"""The protocol leaves no room for cheating, and the command prints exactly what the design page lists."""

from __future__ import annotations

import gzip
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from nbcoach_recommender.commands import evaluate as command
from nbcoach_recommender.errors import InvalidData
from nbcoach_recommender.evaluate import auc, calibration_error, evaluate, predictions, read_answers
from nbcoach_recommender.models.abc import Answer, Task
from nbcoach_recommender.models.mastery import MultiSkillElo
from nbcoach_recommender.models.stacked import StackedMastery

KEYS = ["auc", "acc", "rmse", "ece", "auc_first5", "n", "fit_seconds", "peak_mb"]
DATA = Path(os.environ.get("NBCOACH_DATA") or Path(__file__).parents[3] / "shared" / "data")
HEADER = "learner,item,skills,correct,at\n"


def simulated(learners: int, seed: int, first: int = 0) -> list[Answer]:
    """Return answers of learners whose ability and tasks differ."""
    rng = random.Random(seed)
    found = []
    for learner in range(first, first + learners):
        ability = rng.gauss(0, 1.5)
        for number in range(20):
            task = rng.randrange(30)
            chance = 1 / (1 + np.exp(-(ability - (task - 15) / 6)))
            found.append(Answer(str(learner), Task(str(task), (f"s{task % 4}",)), rng.random() < chance, at=number))
    return found


TRAIN, TEST = simulated(200, 1), simulated(60, 2, first=1000)


def written(path: Path, log: list[Answer], explode: bool = False) -> Path:
    """Write answers as a file, if asked with one row for each skill."""
    lines = [HEADER]
    for answer in log:
        for skills in answer.task.skills if explode else [";".join(answer.task.skills)]:
            lines.append(f"{answer.learner},{answer.task.id},{skills},{int(answer.correct)},{answer.at:g}\n")
    text = "".join(lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_the_report_has_exactly_the_keys_of_the_design() -> None:
    report = evaluate(MultiSkillElo(), TRAIN, TEST)
    assert list(report) == KEYS
    assert report["n"] == len(TEST) == 1200
    assert report["auc"] > 0.7
    assert report["acc"] > 0.6
    assert report["rmse"] < 0.5
    assert 0 <= report["ece"] < 0.1


def test_shuffled_outcomes_cannot_be_predicted() -> None:
    rng = random.Random(3)

    def shuffled(log: list[Answer]) -> list[Answer]:
        outcomes = [answer.correct for answer in log]
        rng.shuffle(outcomes)
        return [Answer(a.learner, a.task, c, at=a.at) for a, c in zip(log, outcomes, strict=True)]

    found = evaluate(MultiSkillElo(), shuffled(TRAIN), shuffled(simulated(2000, 4, first=1000)))["auc"]
    assert abs(found - 0.5) < 0.01


@given(cut=st.integers(0, len(TEST)), seed=st.integers(0, 99))
def test_later_outcomes_change_no_earlier_prediction(cut: int, seed: int) -> None:
    rng = random.Random(seed)
    changed = TEST[:cut] + [Answer(a.learner, a.task, rng.random() < 0.5, at=a.at) for a in TEST[cut:]]
    train = TRAIN[:400]
    before, _ = predictions(MultiSkillElo(), train, TEST)
    after, _ = predictions(MultiSkillElo(), train, changed)
    assert after[: cut + 1] == before[: cut + 1]


def test_no_test_learner_helps_another() -> None:
    together, _ = predictions(MultiSkillElo(), TRAIN, TEST)
    alone = []
    for learner in dict.fromkeys(answer.learner for answer in TEST):
        alone += predictions(MultiSkillElo(), TRAIN, [a for a in TEST if a.learner == learner])[0]
    assert together == alone


def test_a_learner_of_both_files_starts_anew() -> None:
    stranger = [Answer("stranger", answer.task, answer.correct, at=answer.at) for answer in TRAIN[:20]]
    assert predictions(MultiSkillElo(), TRAIN, TRAIN[:20])[0] == predictions(MultiSkillElo(), TRAIN, stranger)[0]


def multi(timed: bool) -> list[Answer]:
    rng = random.Random(5)
    tasks = [Task(str(n), tuple(f"s{s}" for s in range(1 + n % 3))) for n in range(9)]
    return [
        Answer(str(learner), rng.choice(tasks), rng.random() < 0.6, at=float(number) if timed else 0.0)
        for learner in range(20)
        for number in range(30)
    ]


@pytest.mark.parametrize("timed", [True, False])
def test_an_answer_that_stands_in_several_rows_counts_once(tmp_path: Path, timed: bool) -> None:
    log = multi(timed)
    merged = read_answers(written(tmp_path / "merged.csv", log))
    assert read_answers(written(tmp_path / "rows.csv.gz", log, explode=True)) == merged == log


@pytest.mark.parametrize("timed", [True, False])
def test_so_does_one_that_repeats_all_its_skills(tmp_path: Path, timed: bool) -> None:
    log = multi(timed)
    repeated = [answer for answer in log for _ in answer.task.skills]
    assert read_answers(written(tmp_path / "rows.csv", repeated)) == log


def test_a_second_try_stays_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + "a,2,x,0,0\na,2,x,0,0\na,2,x,1,0\na,3,x;y,1,0\na,3,x;y,1,0\na,4,x;y,1,0\n")
    assert [(answer.task.id, answer.correct) for answer in read_answers(path)] == [
        ("2", False),
        ("2", False),
        ("2", True),
        ("3", True),
        ("3", True),
        ("4", True),
    ]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40).filter(
        lambda rows: len({y for y, _ in rows}) == 2
    )
)
def test_the_auc_is_that_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    y, p = np.array([float(a) for a, _ in rows]), np.array([b / 8 for _, b in rows])
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p))


def test_an_auc_of_one_outcome_is_none() -> None:
    assert auc(np.ones(3), np.array([0.1, 0.2, 0.3])) is None


def test_calibration() -> None:
    assert calibration_error(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == 0
    assert calibration_error(np.array([0.0, 0.0]), np.array([0.95, 0.95])) == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "needs the columns"),
        (b"learner,item\n1,2\n", "skills,correct,at is missing"),
        (HEADER.encode(), "no answers"),
        (HEADER.encode() + b"1,2,3,2,0\n", "line 2: correct is '2'"),
        (HEADER.encode() + b"1,2,3,1,0\n1,2,3,yes,0\n", "line 3: correct is 'yes'"),
        (HEADER.encode() + b"1,2,3,1,noon\n", "line 2: at is 'noon'"),
        (HEADER.encode() + b"1,2,3,1,nan\n", "line 2: at is 'nan'"),
        (HEADER.encode() + b"1,2,3\n", "line 2: it has too few"),
        (HEADER.encode() + b"1,2,3,1,0,9\n", "line 2: it has too few or too many"),
        (b"\xff\xfe\x00", "not in UTF-8"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidData) as refused:
        read_answers(path)
    assert said in refused.value.message
    assert str(path) in refused.value.message
    good = written(tmp_path / "good.csv", TEST[:50])
    result = CliRunner().invoke(command, ["--train", str(path), "--test", str(good), "--json"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr


@pytest.mark.parametrize("name", ["missing.csv", "broken.csv.gz"])
def test_an_unreadable_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.csv.gz").write_bytes(b"no gzip")
    result = CliRunner().invoke(command, ["--train", str(tmp_path / name), "--test", str(tmp_path / name)])
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_the_command_prints_json_or_a_table(tmp_path: Path) -> None:
    files = [
        "--train", str(written(tmp_path / "train.csv", TRAIN)), "--test", str(written(tmp_path / "test.csv.gz", TEST))
    ]  # fmt: skip
    as_json = CliRunner().invoke(command, [*files, "--json"])
    assert as_json.exit_code == 0, as_json.output
    report = json.loads(as_json.stdout)
    assert list(report) == KEYS
    assert report["auc"] == evaluate(StackedMastery(), TRAIN, TEST)["auc"]
    table = CliRunner().invoke(command, files)
    assert [line.split()[0] for line in table.stdout.splitlines()] == KEYS
    assert CliRunner().invoke(command, []).exit_code == 2


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the folder {DATA} is not here; set NBCOACH_DATA to have it elsewhere")
@pytest.mark.parametrize(("name", "floor"), [("assistments09", 0.74), ("statics", 0.79)])
def test_real_learners(name: str, floor: float) -> None:
    path = DATA / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    log = read_answers(path)
    names = sorted({answer.learner for answer in log})
    random.Random(0).shuffle(names)
    cut = min(len(names), 600)
    train, test = set(names[: cut * 4 // 5]), set(names[cut * 4 // 5 : cut])
    report = evaluate(StackedMastery(), [a for a in log if a.learner in train], [a for a in log if a.learner in test])
    assert report["auc"] > floor
    assert report["ece"] < 0.05
