"""Alerts and dashboards: every metric that they name exists, and every alert fires when it is to, and only then."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from chozoi_chat import metrics
from workers import store_metrics
from workers.report import WorkerReport

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
OF_PROMETHEUS = {"up"}
_WORDS = frozenset({"and", "or", "unless", "offset", "bool"})  # of PromQL, where no parenthesis follows

# Two processes, a relay and a consumer that do well for an hour and a half: by series, in the notation of
# `promtool test rules` (first value + increase a minute x minutes).
_A, _B = 'instance="a",job="chozoi-chat"', 'instance="b",job="chozoi-chat"'
_W = 'instance="w",job="chozoi-chat-workers"'
HEALTHY = {
    **{f"socketio_connections{{{one}}}": "1000x90" for one in (_A, _B)},
    **{f"socketio_nodes{{{one}}}": "1x90" for one in (_A, _B)},
    **{f"socketio_congested_connections{{{one}}}": "2x90" for one in (_A, _B)},
    **{f"socketio_send_queue_bytes{{{one}}}": "100000x90" for one in (_A, _B)},
    **{f'event_loop_lag_seconds_bucket{{le="{le}",{_A}}}': "0+120x90" for le in ("0.01", "0.5", "+Inf")},
    f"process_cpu_seconds_total{{{_A}}}": "0+20x90",
    f"process_open_fds{{{_A}}}": "1200x90",
    f"process_max_fds{{{_A}}}": "65536x90",
    f'socketio_event_seconds_count{{event="typing",namespace="/chat",outcome="ok",{_A}}}': "0+600x90",
    f'socketio_event_seconds_count{{event="",namespace="/chat",outcome="UnknownEvent",{_A}}}': "0+600x90",
    **{f'chat_batch_seconds_bucket{{le="{le}",{_A}}}': "0+60x90" for le in ("0.05", "2.5", "+Inf")},
    f'limits_reached_total{{limit="EVENT_RATE_USER",{_A}}}': "0+2x90",
    f'limits_reached_total{{limit="waiting_messages",{_A}}}': "0x90",
    f'limits_reached_total{{limit="AUTH_FAILURES",{_A}}}': "0+1x90",
    f'limits_reached_total{{limit="MAX_CONNECTIONS",{_A}}}': "0x90",
    f"socketio_slow_clients_total{{{_A}}}": "0+1x90",
    f'mongodb_command_seconds_count{{command="insert",outcome="ok",{_A}}}': "0+6000x90",
    f'mongodb_command_seconds_count{{command="insert",outcome="failed",{_A}}}': "0x90",
    **{
        f'mongodb_command_seconds_bucket{{command="find",le="{le}",outcome="ok",{_A}}}': "0+60x90"
        for le in ("0.01", "1", "+Inf")
    },
    f'redis_call_seconds_count{{outcome="failed",part="chat",{_A}}}': "0x90",
    f"event_relay_ready{{{_W}}}": "1x90",
    f'event_relay_lag{{of="seconds",{_W}}}': "0.2x90",
    f"event_relay_dead_letters_total{{{_W}}}": "0x90",
    f"auction_results_ready{{{_W}}}": "1x90",
    f'auction_results_lag{{of="partition 0",{_W}}}': "3x90",
    f"auction_results_dead_letters_total{{{_W}}}": "0x90",
    f"webhooks_ready{{{_W}}}": "1x90",
    f'webhooks_lag{{of="push: seconds",{_W}}}': "0.2x90",
    f'webhooks_lag{{of="push: events under way",{_W}}}': "900x90",
    f"webhooks_dead_letters_total{{{_W}}}": "0x90",
    f"moderation_oldest_open_report_seconds{{{_A}}}": "7200x90",
    f"moderation_held_messages{{{_A}}}": "3x90",
}  # fmt: skip
# What is otherwise for each alert.
TROUBLE: dict[str, dict[str, str]] = {
    "ChatIsDown": {series: "1000x60 _x30" for series in HEALTHY if series.startswith("socketio_connections")},
    "ChatProcessesAreMissing": {f"socketio_connections{{{_B}}}": "1000x60 _x30"},
    "ChatEventLoopLags": {f'event_loop_lag_seconds_bucket{{le="0.01",{_A}}}': "0+60x90"},
    "ChatProcessIsSaturated": {f"process_cpu_seconds_total{{{_A}}}": "0+59x90"},
    "ChatHandlersFail": {
        f'socketio_event_seconds_count{{event="new_message",namespace="/chat",outcome="KeyError",{_A}}}': "0+6x90"
    },
    "ChatMessagesAreSlow": {f'chat_batch_seconds_bucket{{le="0.05",{_A}}}': "0+30x90"},
    "ChatRefusesMessages": {f'limits_reached_total{{limit="waiting_messages",{_A}}}': "0+1x90"},
    "ChatProcessesAreSeparated": {f"socketio_nodes{{{_A}}}": "1x60 0x30"},
    "ChatClientsReadTooSlowly": {f"socketio_slow_clients_total{{{_A}}}": "0+90x90"},
    "ChatBackPressure": {f"socketio_congested_connections{{{_A}}}": "2x60 80x30"},
    "ChatSendQueuesGrow": {f"socketio_send_queue_bytes{{{_A}}}": "0+10000000x90"},
    "ChatConnectionsAreRefused": {f'limits_reached_total{{limit="MAX_CONNECTIONS",{_A}}}': "0+60x90"},
    "ChatFileDescriptorsRunOut": {f"process_open_fds{{{_A}}}": "1200+800x90"},
    "ChatLimitsAreHit": {f'limits_reached_total{{limit="EVENT_RATE_USER",{_A}}}': "0+600x90"},
    "ChatTokensAreTried": {f'limits_reached_total{{limit="AUTH_FAILURES",{_A}}}': "0+60x90"},
    "MongoDBFails": {f'mongodb_command_seconds_count{{command="insert",outcome="failed",{_A}}}': "0+600x90"},
    "MongoDBIsSlow": {f'mongodb_command_seconds_bucket{{command="find",le="0.01",outcome="ok",{_A}}}': "0+6x90"},
    "RedisFails": {f'redis_call_seconds_count{{outcome="failed",part="chat",{_A}}}': "0+1x90"},
    "NoRelayWorks": {f"event_relay_ready{{{_W}}}": "1x60 _x30"},
    "RelayIsBehind": {f'event_relay_lag{{of="seconds",{_W}}}': "0+2x90"},
    "NoAuctionResultsAreConsumed": {f"auction_results_ready{{{_W}}}": "1x60 0x30"},
    "AuctionResultsAreBehind": {f'auction_results_lag{{of="partition 0",{_W}}}': "0+20x90"},
    "NoWebhookWorkerRuns": {f"webhooks_ready{{{_W}}}": "1x60 _x30"},
    "WebhooksFail": {f"webhooks_ready{{{_W}}}": "1x60 0x30"},
    "WebhooksAreBehind": {f'webhooks_lag{{of="push: seconds",{_W}}}': "0+10x90"},
    "DeadLetters": {f"auction_results_dead_letters_total{{{_W}}}": "0x60 1x30"},
    "ReportsWait": {f"moderation_oldest_open_report_seconds{{{_A}}}": "83000+60x90"},
    "HeldMessagesPileUp": {f"moderation_held_messages{{{_A}}}": "0+5x90"},
}


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def expressions(dashboard: Path) -> list[str]:
    panels = json.loads(dashboard.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def known() -> set[str]:
    """The names that Prometheus sees of all metrics of the servers and the workers."""
    of_process = CollectorRegistry()
    ProcessCollector(registry=of_process)
    workers = (("event_relay", "events"), ("auction_results", "records"), ("webhooks", "events"))
    names = {*metrics.MOMENTARY, *OF_PROMETHEUS}
    of_workers = [WorkerReport(prefix, unit).registry for prefix, unit in workers]
    for registry in (metrics.registry, store_metrics.registry, of_process, *of_workers):
        names |= _names(registry)
    return names


def _names(registry: CollectorRegistry) -> set[str]:
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    return {f"{family.name}{suffix}" for family in registry.collect() for suffix in suffixes[family.type]}


def named(expression: str) -> set[str]:
    """The metrics that an expression of PromQL names."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on)\s*\([^)]*\)', "", expression)
    return {word for word in re.findall(r"\b[a-z_]\w*\b(?!\s*\()", bare) if word not in _WORDS}


@pytest.mark.parametrize("where", [RULES, *DASHBOARDS], ids=lambda path: path.name)
def test_every_metric_that_is_named_exists(where: Path) -> None:
    asked = [rule["expr"] for rule in rules()] if where == RULES else expressions(where)
    assert len(asked) > 10
    assert {name for expression in asked for name in named(expression)} <= known()


def test_every_alert_says_why_and_what_to_do_first() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "description", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
    assert {rule["alert"] for rule in rules()} == TROUBLE.keys(), "each is tried below"


@pytest.fixture
def promtool(tmp_path: Path) -> Callable[..., None]:
    """Runs promtool, which must find nothing wrong."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool: apt-get install prometheus")

    def run(*command: str) -> None:
        done = subprocess.run([program, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_what_dashboards_ask_is_promql(tmp_path: Path, promtool: Callable[..., None]) -> None:
    asked = [expression for dashboard in DASHBOARDS for expression in expressions(dashboard)]
    filled_in = [each.replace("$__rate_interval", "1m").replace("$instance", ".*") for each in asked]
    recorded = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(filled_in)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    promtool("check", "rules", "panels.yml")


def test_each_alert_fires_in_its_trouble_and_none_while_all_is_well(
    tmp_path: Path, promtool: Callable[..., None]
) -> None:
    cases = [_case("all is well", {}, set())]
    cases += [_case(name, trouble, {name}) for name, trouble in TROUBLE.items()]
    for worker in ("event_relay", "webhooks"):
        cases.append(_case(worker, {f"{worker}_dead_letters_total{{{_W}}}": "0x60 1x30"}, {"DeadLetters"}))
    (tmp_path / "cases.yml").write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": cases})
    )
    promtool("check", "config", str(RULES.with_name("prometheus.yml")))
    promtool("test", "rules", "cases.yml")


def _case(name: str, trouble: dict[str, str], fire: set[str]) -> dict[str, Any]:
    series = [{"series": series, "values": values} for series, values in (HEALTHY | trouble).items()]
    firing = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in sorted(fire)]
    asked = "count by (alertname) (ALERTS{alertstate='firing'}) ^ 0"
    return {
        "name": name,
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{"expr": asked, "eval_time": "85m", "exp_samples": firing}],
    }
