"""What every view needs: sign-in and permissions, bodies, fields, lists, problems,
limits, versions, repeated requests."""
