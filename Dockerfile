# A server from this checkout: docker build --tag runledger .
FROM python:3.13-slim

COPY . /source
RUN pip install --no-cache-dir "/source[kafka,parquet,postgres,privacy,server]" \
    && rm -r /source \
    && useradd --create-home runledger \
    && install --directory --owner runledger /data

USER runledger
ENV RUNLEDGER_DATA=/data
VOLUME /data
EXPOSE 5470
ENTRYPOINT ["runledger"]
CMD ["server", "--host", "0.0.0.0"]
