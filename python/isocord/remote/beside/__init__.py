"""Classes of the bot that run where a connection's sound is carried: in the process of its media node.

What they hear and play never leaves that process. ``handle.py`` is what a bot holds, ``errand.py`` its end of the link,
``hosting.py`` and ``errand_here.py`` the node's, ``voice.py`` what the class is given.
"""
