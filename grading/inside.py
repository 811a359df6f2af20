"""Runs in the sandbox: executes the cells that come as JSON on standard input, and answers with their outputs.

    {"cells": [source, ...], "cell_seconds": 30, "seconds": 180, "megabytes": 1500, "processes": 256}

The answer is {"outputs": [[output, ...], ...], "stopped": reason or null}: one list for every cell that was finished.
"""

import json
import os
import resource
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

MOST_OUTPUT = 1_000_000


class Client(NotebookClient):
    """Keeps the first megabyte of outputs, and every error."""

    room = MOST_OUTPUT

    def output(self, outs, msg, display_id, cell_index):
        if msg["msg_type"] != "error":
            self.room -= len(str(msg["content"]))
            if self.room < 0:
                return None
        return super().output(outs, msg, display_id, cell_index)


def limit(megabytes: int, seconds: int, processes: int | None) -> None:
    """What this process and all that it starts may use; each of them for itself, but for their number."""
    memory = megabytes * 2**20
    limits = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: memory,
        resource.RLIMIT_CPU: 2 * seconds,
        resource.RLIMIT_CORE: 0,
    }
    if processes is not None:
        limits[resource.RLIMIT_NPROC] = processes
    for what, most in limits.items():
        _, hard = resource.getrlimit(what)
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(what, (most, most))


def execute(cells: list[str], cell_seconds: float, seconds: float) -> dict:
    """Outputs of the cells, in order, up to the one that took too long or ended the kernel.

    The first cell may take all the time: it is a lesson's set-up, whose imports take long on a busy machine.
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    client = Client(notebook, kernel_name="python3", allow_errors=True, record_timing=False, store_widget_state=False)
    ends, outputs = time.monotonic() + seconds, []
    try:
        with client.setup_kernel():
            for index, cell in enumerate(notebook.cells):
                left = ends - time.monotonic()
                client.timeout = max(1, int(left if index == 0 else min(cell_seconds, left)))
                client.execute_cell(cell, index)
                outputs.append(cell.outputs)
                if time.monotonic() > ends:
                    return {"outputs": outputs, "stopped": f"the notebook took longer than {seconds:.0f} s"}
    except CellTimeoutError:
        return {"outputs": outputs, "stopped": f"a cell took longer than {client.timeout} s"}
    except DeadKernelError:
        return {"outputs": outputs, "stopped": "a cell ended the kernel"}
    return {"outputs": outputs, "stopped": None}


if __name__ == "__main__":
    job = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a kernel prints past its client goes nowhere
    limit(job["megabytes"], job["seconds"], job["processes"])
    json.dump(execute(job["cells"], job["cell_seconds"], job["seconds"]), answer)
    answer.flush()
    os._exit(0)  # whatever a cell left running ends with the sandbox
