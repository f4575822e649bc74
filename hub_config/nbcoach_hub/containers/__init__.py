"""Spawners that start learners' servers in containers: with Docker on one host, Docker Swarm or Kubernetes on several.

Empty on purpose: the hub imports the spawner that its configuration names, and the others' libraries need not be there.
"""
