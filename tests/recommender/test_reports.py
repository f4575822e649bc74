"""The commands that measure: the report page and the serving benchmark, on small cases."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from nbcoach_hub.cli import main


def csv_of(path: Path, learners: int, seed: int) -> Path:
    random = np.random.default_rng(seed)
    rows = ["learner,item,skills,correct,at"]
    for learner in range(learners):
        ability = random.normal()
        for step in range(20):
            right = int(random.random() < 1 / (1 + np.exp(-ability - (step % 5) + 2)))
            rows.append(f"l{learner},t{step},s{step % 5},{right},{step}")
    path.write_text("\n".join(rows))
    return path


def test_the_report_is_a_page_with_figures(tmp_path: Path) -> None:
    graph = tmp_path / "g.json"
    exercises = [{"id": f"e{n}", "skills": ["ab"[n % 2]]} for n in range(8)]
    graph.write_text(json.dumps({"nodes": ["a", "b"], "edges": [["a", "b"]], "exercises": exercises}))
    page = tmp_path / "page.html"
    files = ["--train", csv_of(tmp_path / "a.csv", 30, 1), "--test", csv_of(tmp_path / "b.csv", 20, 2)]
    options = [*files, "--graph", graph, "--learners", 2, "--page", page, "--json"]
    done = CliRunner().invoke(main, ["report", *map(str, options)])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert set(found["models"]) == {"multi-skill-elo", "stacked-mastery"}
    assert found["models"]["stacked-mastery"]["n"] == 400
    assert found["difference"]["log_loss_error"] > 0
    assert found["difference"]["auc_error"] > 0
    assert {outcome["policy"] for outcome in found["policies"]} >= {"author's sequence", "oracle", "expected gain"}
    text = page.read_text("utf-8")
    assert text.count("data:image/png;base64,") == 3
    assert "stacked-mastery" in text


def test_a_bad_file_stops_the_report(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("nonsense")
    files = ["--train", tmp_path / "a.csv", "--test", tmp_path / "a.csv", "--page", tmp_path / "p.html"]
    done = CliRunner().invoke(main, ["report", *map(str, files)])
    assert done.exit_code == 2
    assert not (tmp_path / "p.html").exists()


def test_serving_is_measured_on_the_real_service() -> None:
    options = "--learners 60 --exercises 80 --attempts 5 --seconds 2 --rate 20 --updates 10 --json"
    done = CliRunner().invoke(main, ["bench", "recommend", *options.split()])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["failed"] == found["skipped"] == 0
    assert found["http_cpu_ms"] > 0
    assert 0 < found["cpu_ms_p50"] <= found["cpu_ms_p99"]
    assert 0 < found["http_ms_p50"] <= found["http_ms_p99"]
    assert found["seen_ms_p99"] < 3000
    assert found["service_mb"] > 50
