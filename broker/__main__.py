"""`python -m broker`: the same as `broker`."""

from broker.cli.main import main

if __name__ == "__main__":
    main()
