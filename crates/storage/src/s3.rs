//! Buckets with the S3 protocol.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig, aws::AmazonS3Builder, client::SpawnedReqwestConnector,
    prefix::PrefixStore,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::{Builder, Runtime};

use crate::{
    error::StoreError,
    key::Key,
    objects::Objects,
    staging::Staged,
    store::{FileStore, Opened, StoredObject},
};

/// Address and credentials of a bucket.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// Name of an existing bucket.
    pub bucket: String,
    /// Prefix of all keys; may be empty.
    pub prefix: String,
    /// Region, such as `eu-central-1`.
    pub region: String,
    /// Address of a server other than AWS, such as `https://minio.example.com`.
    pub endpoint: Option<String>,
    /// Key id and secret. `None` uses the instance credentials of AWS.
    pub credentials: Option<(String, SecretString)>,
    /// Timeout of one request. All attempts of a request together take at most twice as long.
    pub request_timeout: Duration,
}

/// A store in a bucket.
///
/// Its connections live on a thread of their own, so that every runtime can use the store.
#[derive(Debug)]
pub(crate) struct S3 {
    objects: Objects,
    connections: Option<Runtime>,
}

impl S3 {
    /// Creates the client. It connects on first use.
    pub(crate) fn new(settings: &S3Settings) -> Result<Self, StoreError> {
        let invalid = |error: object_store::Error| StoreError::Unavailable(error.to_string());
        let connections =
            Builder::new_multi_thread().worker_threads(1).thread_name("s3").enable_all().build()?;
        let client = ClientOptions::new()
            .with_connect_timeout(settings.request_timeout.min(Duration::from_secs(5)))
            .with_timeout(settings.request_timeout);
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 3,
            retry_timeout: settings.request_timeout,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_client_options(client)
            .with_retry(retry)
            .with_http_connector(SpawnedReqwestConnector::new(connections.handle().clone()));
        if let Some(endpoint) = &settings.endpoint {
            builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
        }
        if let Some((id, secret)) = &settings.credentials {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret());
        }
        let bucket = builder.build().map_err(invalid)?;
        let store = PrefixStore::new(bucket, settings.prefix.as_str());
        Ok(Self { objects: Objects::new(Arc::new(store)), connections: Some(connections) })
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // Async contexts forbid a blocking shutdown, and no work is left to wait for.
        if let Some(connections) = self.connections.take() {
            connections.shutdown_background();
        }
    }
}

#[async_trait]
impl FileStore for S3 {
    async fn put(&self, key: &Key, staged: Staged) -> Result<(), StoreError> {
        self.objects.put(key, staged).await
    }

    async fn open(&self, key: &Key, range: Option<Range<u64>>) -> Result<Opened, StoreError> {
        self.objects.open(key, range).await
    }

    async fn size(&self, key: &Key) -> Result<Option<u64>, StoreError> {
        self.objects.size(key).await
    }

    async fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.objects.remove(key).await
    }

    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        self.objects.list()
    }
}
