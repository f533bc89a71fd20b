"""Ears and a mouth on Discord for frameworks of voice assistants: a module each, which imports its framework.

``isocord.adapters.pipecat`` needs ``pip install 'isocord[pipecat]'``, ``isocord.adapters.livekit`` needs
``pip install 'isocord[livekit]'``.
"""
