"""Prefect flows: the library's own steps, each as a task. They decide where and when, never what."""
