"""An ONNX Runtime session on a verified artefact: device, threads, and the graph's names checked."""

from __future__ import annotations

import os
from typing import Literal

import onnxruntime

from models.artefact import Artefact
from riskwire.errors import DeviceError, ModelError

Device = Literal["auto", "cpu", "cuda"]


def providers(device: Device, precision: str) -> list[str]:
    """ONNX Runtime's execution providers, best first. Raises DeviceError: `cuda` without one.

    `auto` takes CUDA where there is one, but not for an int8 graph: its products have no CUDA kernels, so each of them
    would go to the CPU and back.
    """
    there = onnxruntime.get_available_providers()
    if device == "cuda" and "CUDAExecutionProvider" not in there:
        raise DeviceError(
            "this installation of ONNX Runtime has no CUDA",
            about="model.device = cuda",
            hint="Install the extra `gpu` instead of `cpu` (`make setup GPU=1`), or set model.device to auto or cpu",
        )
    if device == "cuda" or (device == "auto" and not precision.startswith("int8")):
        return [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in there]
    return ["CPUExecutionProvider"]


def open_session(artefact: Artefact, device: Device, threads: int) -> onnxruntime.InferenceSession:
    """A session; `threads` of one run, 0 for one a core. Raises DeviceError, ModelError."""
    wanted = providers(device, artefact.manifest.precision)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # The graph is fused as it should be already; further fusion puts slower operators in (SkipLayerNormalization).
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    # Threads that spin while they wait take the cores from feeds, index and page in the same process.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(artefact.model, options, providers=wanted)
    except Exception as error:
        raise ModelError("ONNX Runtime can't load the model", about=str(artefact.folder)) from error
    _check_names(session, artefact)
    if device == "cuda" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise DeviceError("CUDA is installed but can't be used", about="model.device", hint="See ONNX Runtime's log")
    return session


def _check_names(session: onnxruntime.InferenceSession, artefact: Artefact) -> None:
    """The graph takes and gives what the manifest says, one value a label."""
    manifest, graph = artefact.manifest, artefact.manifest.graph
    there = (
        {node.name for node in session.get_inputs()},
        [(node.name, node.shape[-1]) for node in session.get_outputs()],
    )
    sizes = {graph.story: len(manifest.sentiments)}
    if graph.tags is not None and graph.token_sentiment is not None:
        sizes |= {graph.tags: len(manifest.tags), graph.token_sentiment: len(manifest.sentiments)}
    said = {graph.input_ids, graph.attention_mask, graph.token_type_ids}, list(sizes.items())
    if there != said:
        raise ModelError(f"the graph has {there}, the manifest says {said}", about=str(artefact.folder))
