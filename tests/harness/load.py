"""Load from one `wrk`: bodies in turn, and the ids of the replies that arrived whole. Needs the Debian package wrk."""
import pathlib
import shutil
import subprocess

SCRIPT = """
local bodies, marks = {}, {}
local seen = assert(io.open("@SEEN@", "w"))
seen:setvbuf("line")
for _, file in ipairs({ @FILES@ }) do
  local from = assert(io.open(file, "rb"))
  bodies[#bodies + 1] = from:read("*a")
  from:close()
end
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer @KEY@"
wrk.headers["Content-Type"] = "application/json"
local n = 0
request = function()
  n = n + 1
  return wrk.format(nil, "@PATH@", nil, bodies[n % #bodies + 1])
end
response = function(status, headers, body)
  local kind = headers["content-type"] or ""
  local whole = kind:sub(1, 17) ~= "text/event-stream" or body:sub(-14) == "data: [DONE]\\n\\n"
  seen:write(status, " ", whole and "whole" or "cut", " ", headers["x-andon-request-id"] or "-", "\\n")
end
"""


def available():
    return shutil.which("wrk") is not None


class Load:
    """Calls `address` with the bodies in turn until stop(). One process; its ids and statuses are read afterwards."""

    def __init__(self, folder, address, key, bodies, connections=32, path="/v1/chat/completions", name="load"):
        folder = pathlib.Path(folder)
        self.seen = folder / f"{name}.seen"
        files = []
        for number, body in enumerate(bodies):
            files.append(folder / f"{name}-{number}.json")
            files[-1].write_bytes(body if isinstance(body, bytes) else body.encode())
        script = SCRIPT.replace("@SEEN@", str(self.seen)).replace("@KEY@", key).replace("@PATH@", path)
        (folder / f"{name}.lua").write_text(script.replace("@FILES@", ", ".join(f'"{f}"' for f in files)))
        self.child = subprocess.Popen(["wrk", "-t1", f"-c{connections}", "-d3600s", "--timeout", "60s", "-s", str(folder / f"{name}.lua"), f"http://{address}"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def running(self):
        return self.child.poll() is None

    def stop(self):
        self.child.kill()
        self.child.wait()

    def replies(self):
        """[(status, whole, id)] in the order they came; a last line that was being written is left out."""
        text = self.seen.read_text() if self.seen.exists() else ""
        lines = [line.split(" ") for line in text[:text.rfind("\n") + 1].splitlines()]
        return [(int(status), whole == "whole", identity) for status, whole, identity in lines]
