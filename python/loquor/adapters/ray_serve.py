"""Ray Serve: `loquor serve`'s application on as many replicas as the requests take."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import serve

from ..errors import InvalidInputError
from ..server.app import create_app
from ..server.settings import Settings
from ..speech.engine import Engine
from .ray_voices import ClusterVoice, made_voices, worker_threads

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["speech_app"]

AUTOSCALING: Mapping[str, object] = {"min_replicas": 1, "max_replicas": 2}


def speech_app(
    model: str | os.PathLike[str] = "mini",
    *,
    voices: Mapping[str, ClusterVoice] | None = None,
    autoscaling: Mapping[str, object] | None = None,
    slots: int = 4,
    engine: Mapping[str, Any] | None = None,
    cpus: float = 1,
    gpus: float = 0,
    **settings: Any,
) -> serve.Application:
    """Return what `ray.serve.run` takes: docs/server.md's paths, each replica with an engine of its own.

    Speech leaves while it is made. `voices` are those that requests may name beside the model's own; made of
    recordings once, in the cluster, which is running therefore. `autoscaling` is Serve's
    `AutoscalingConfig` (by default 1 to 2 replicas), where a replica is meant to speak for `slots` requests
    at once unless it says otherwise, and as many again may wait in it. `cpus` and `gpus` are a replica's,
    `engine` more keywords of its engine, and `settings` those of `loquor.server.settings.Settings`: api_keys,
    hosts (all names by default, since Serve is who listens), max_text and others. Voices are not uploaded
    here, for one replica's would not be the others': `max_voices` is 0.

    Raises `InvalidInputError`, and `Engine`'s errors where a voice is made of a recording.
    """
    if isinstance(slots, bool) or not isinstance(slots, int) or not 1 <= slots <= 64:
        raise InvalidInputError(f"slots must be a whole number from 1 to 64, not {slots!r}")
    bundle = os.fspath(Path(model).absolute() if isinstance(model, os.PathLike) else model)
    given = worker_threads(engine or {}, cpus) | {"slots": slots}
    made = made_voices(bundle, given, voices or {}, cpus, gpus)
    own: dict[str, Any] = {"hosts": ("*",), "max_voices": 0, "queue": slots} | settings
    checked = Settings(models={Path(bundle).name: partial(Engine, bundle, **given)}, voices=made, **own)

    def application() -> Starlette:  # in a replica, and a function, which Serve tells from an application
        return create_app(checked)

    speech = serve.deployment(
        serve.ingress(application)(),
        name="speech",
        max_ongoing_requests=2 * slots,
        autoscaling_config={"target_ongoing_requests": slots} | dict(AUTOSCALING) | dict(autoscaling or {}),
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
    )
    return speech.bind()
