"""The gateway and the simulated provider that both SDK tests talk to. As a program it serves until its standard input
ends: the first line it prints is JSON with everything a client test needs."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
import andon  # noqa: E402

SCRIPT = """
seed: 7
defaults: { words: 12 }
rules:
  - { match: { model: slow }, delay: 3s }
  - { match: { model: trickle }, words: 400, between: 20ms }
  - { match: { model: cut }, fault: cut, after: 4 }
  - { match: { model: undone }, fault: no_done }
  - { match: { model: broken }, fault: error_in_stream, after: 4, between: 10ms }
  - { match: { model: broken-at-once }, fault: error_in_stream, after: 4 }
  - { match: { model: silent }, fault: blackhole }
  - { match: { model: too-long }, error: context_length }
  - { match: { model: down }, error: server_error }
  - { match: { model: flaky500, first: 1 }, error: server_error }
  - { match: { model: flaky429, first: 1 }, error: rate_limit, headers: { retry-after: "1" } }
  - { match: { model: no-usage }, usage: missing }
  - { match: { model: garbage }, fault: invalid_json }
"""

NAMES = ["chat", "embed", "instruct", "slow", "trickle", "cut", "undone", "broken", "broken-at-once", "silent", "too-long", "down", "flaky500", "flaky429", "no-usage", "garbage"]


def config(sim):
    models = "".join(f"  {n}: {{ provider: up, price: {{ input: \"1\", output: \"2\" }} }}\n" for n in NAMES)
    routes = "".join(f"  {n}: {{ targets: [ {n} ], retry: {{ attempts: 1 }}, breaker: {{ failures: 0 }}, deadline: {{ first_token: {'300ms' if n == 'silent' else '20s'} }} }}\n"
                     for n in NAMES)
    return (f"providers:\n  up: {{ kind: custom, url: \"{sim.url}\", key: upstream-secret }}\nmodels:\n{models}routes:\n{routes}"
            "  retried: { targets: [ flaky500 ], retry: { attempts: 3, backoff: 1ms } }\n"
            "projects:\n  shop: { tags: [ sdk ] }\n"
            "keys:\n"
            "  main: { project: shop, value: sk-declared-main-0001 }\n"
            "  paced: { project: shop, value: sk-declared-paced-001, limits: { requests_per_minute: 2 } }\n"
            "  poor: { project: shop, value: sk-declared-poor-0001, budget: { daily: 0.000001 USD } }\n"
            "  narrow: { project: shop, value: sk-declared-narrow-01, models: [ chat ] }\n")


KEYS = {"main": "sk-declared-main-0001", "paced": "sk-declared-paced-001", "poor": "sk-declared-poor-0001", "narrow": "sk-declared-narrow-01"}


def start(folder):
    sim = andon.Sim(folder, SCRIPT)
    try:
        return sim, andon.Andon(folder, config(sim))
    except BaseException:
        sim.kill()
        raise


def main():
    andon.need_binary()
    with andon.folder("sdk") as folder:
        sim, gateway = start(folder)
        try:
            print(json.dumps({"url": gateway.url, "gateway": gateway.gateway, "admin": gateway.admin, "token": gateway.token, "keys": KEYS,
                              "binary": andon.BINARY, "data": str(gateway.data)}), flush=True)
            sys.stdin.read()
        finally:
            andon.quiet_end(gateway, sim)


if __name__ == "__main__":
    main()
