"""Handlers of jobs: each module exports `JOBS`, which maps each job to its function.

A job has one name: `offers.expire` in the queue is `Job.OFFERS_EXPIRE` and the function
`offers_expire`, which takes the Supplies and the job's arguments. Handlers open and
commit their own transactions.
"""
