"""A real Prometheus scrapes every part with the shipped settings; rules and dashboards hold what they promise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from hub_process import REPOSITORY, Browser, HubProcess, free_port
from live_checks import COURSE, check, service

from nbcoach_hub.configure import SERVICES

MONITORING = REPOSITORY / "hub_config" / "deploy" / "monitoring"
DASHBOARDS = sorted((MONITORING / "grafana" / "dashboards").glob("*.json"))
UNFITTED = "nbcoach_model_age_seconds"
"""Has no series before some thousand attempts were made and a model was fitted."""

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)


def settings() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    return found


def targets(dashboard: Path) -> list[str]:
    return [target["expr"] for panel in json.loads(dashboard.read_text())["panels"] for target in panel["targets"]]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "rules" / "nbcoach.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def ask_prometheus(
    platform: HubProcess, learner: Browser, metrics_token: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Any]]:
    """A Prometheus that follows the platform every second, after some traffic."""
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not installed (Debian: apt install prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copytree(MONITORING / "rules", folder / "rules")
    (folder / "token").write_text(metrics_token)
    told = settings()
    told["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    for job in told["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{platform.port}"]}]
        job["authorization"] = {**job["authorization"], "credentials_file": str(folder / "token")}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(told))
    port = free_port()
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stdout=log,
        stderr=log,
    )

    def ask(path: str, **query: str) -> Any:
        answer = requests.get(f"http://127.0.0.1:{port}/api/v1/{path}", params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def up() -> bool:
        try:
            return len(ask("query", query="up")["result"]) == len(told["scrape_configs"])
        except requests.ConnectionError:
            return False

    try:
        wait_until(up, lambda: (folder / "log").read_text()[-2000:])
        for number in range(3):
            feedback = check(learner, f"def double(x):\n    return {number} * x\n")
            following = f"nbcoach/api/courses/{COURSE}/next?seen={feedback['cursor']}"
            assert learner.api("GET", following).status_code == 200
            time.sleep(1.1)
        yield ask
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def wait_until(done: Callable[[], bool], why: Callable[[], str], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, why()
        time.sleep(0.3)


def test_every_part_of_the_registry_is_scraped() -> None:
    paths = {job["job_name"]: job["metrics_path"] for job in settings()["scrape_configs"]}
    assert paths == {"hub": "/hub/metrics"} | {e.name: f"/services/{e.name}/metrics" for e in SERVICES}
    watched = next(rule for rule in rules() if rule.get("alert") == "NbcoachPartDown")["expr"]
    assert set(re.findall(r"\w+", watched.partition('"')[2].partition('"')[0])) == set(paths)


def test_every_part_is_up(ask_prometheus: Callable[..., Any]) -> None:
    found = {target["labels"]["job"]: target["lastError"] for target in ask_prometheus("targets")["activeTargets"]}
    assert found == dict.fromkeys([job["job_name"] for job in settings()["scrape_configs"]], "")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_finds_series(dashboard: Path, ask_prometheus: Callable[..., Any]) -> None:
    queries = [query for query in targets(dashboard) if UNFITTED not in query]
    assert len(queries) > 5

    def empty() -> list[str]:
        return [query for query in queries if not ask_prometheus("query", query=query)["result"]]

    wait_until(lambda: not empty(), lambda: f"nothing found by: {empty()}")


def test_every_metric_of_rules_and_dashboards_exists(platform: HubProcess, ask_prometheus: Callable[..., Any]) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    texts = [rule["expr"] for rule in rules()] + [query for path in DASHBOARDS for query in targets(path)]
    used = {name for text in texts for name in re.findall(r"\b(?:nbcoach|jupyterhub)_\w+", text)} - recorded
    known = set(ask_prometheus("label/__name__/values"))
    assert used - known == {UNFITTED}


def test_no_alert_fires_on_a_platform_that_works(ask_prometheus: Callable[..., Any]) -> None:
    states = {
        rule["name"]: (rule["state"], rule.get("lastError", ""))
        for group in ask_prometheus("rules")["groups"]
        for rule in group["rules"]
        if rule["type"] == "alerting"
    }
    assert len(states) == sum("alert" in rule for rule in rules())
    assert {name: told for name, told in states.items() if told[0] == "firing" or told[1]} == {}


def test_metrics_are_for_those_who_may_read_them(platform: HubProcess, user_token: Callable[[str], str]) -> None:
    for entry in SERVICES:
        assert service(platform.url, f"{entry.name}/metrics", user_token("learner")).status_code == 403
        assert requests.get(f"{platform.url}/services/{entry.name}/metrics", timeout=10).status_code == 403
    assert requests.get(f"{platform.url}/hub/metrics", timeout=10).status_code == 403


def test_the_monitoring_token_opens_nothing_else(platform: HubProcess, metrics_token: str) -> None:
    for path in ("grader/api/courses", "grader/api/log", "recommender/api/courses/x/next", "accounts/api/profile"):
        assert service(platform.url, path, metrics_token).status_code == 403, path
    headers = {"Authorization": f"token {metrics_token}"}
    assert requests.get(f"{platform.url}/hub/api/users", headers=headers, timeout=10).status_code == 403


@needs_promtool
def test_rules_are_sound() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", "nbcoach.yml"],
        cwd=MONITORING / "rules",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


@needs_promtool
def test_rules_tell_what_they_should() -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", "nbcoach.tests.yml"],
        cwd=MONITORING / "rules",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_every_alert_has_a_test_that_makes_it_fire() -> None:
    tests = yaml.safe_load((MONITORING / "rules" / "nbcoach.tests.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test.get("alert_rule_test", []) if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules() if "alert" in rule}


def test_dashboards_have_a_place_and_a_source_each() -> None:
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len({board["uid"] for board in boards}) == len(boards) == 3
    source = yaml.safe_load((MONITORING / "grafana" / "provisioning" / "datasources" / "nbcoach.yml").read_text())
    wanted = source["datasources"][0]["uid"]
    for board in boards:
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {wanted}
        cells = [
            (x, y)
            for panel in board["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)), f"panels of {board['title']} overlap"
